{{- define "panlock.name" -}}
{{- printf "%s-%s" .root.Release.Name .component | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "panlock.selector" -}}
app.kubernetes.io/name: panlock
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "panlock.labels" -}}
{{ include "panlock.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "panlock.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What a process reads at its start, and so restarts it when it changes. */ -}}
{{- define "panlock.checksum" -}}
{{- list .root.Values.policy .root.Values.policyFiles (include "panlock.config" .) | toJson | sha256sum -}}
{{- end -}}

{{- define "panlock.policy" -}}
{{- $text := required "policy: give the policy, --set-file policy=policy.yaml" .Values.policy -}}
policy.yaml: {{ $text | toJson }}
{{- range $name, $text := .Values.policyFiles }}
{{ $name }}: {{ $text | toJson }}
{{- end }}
{{- end -}}

{{- /* A component's configuration file: agents/config.py, agents/sealer/config.py, agents/broker_audit/config.py. */ -}}
{{- define "panlock.config" -}}
{{- $values := .root.Values -}}
{{- $kafka := dict "bootstrap" $values.kafka.bootstrap "ca" "/etc/panlock/kafka-ca/ca.crt" "certificate" "/etc/panlock/tls/tls.crt" "key" "/etc/panlock/tls/tls.key" -}}
{{- $config := dict "kafka" $kafka -}}
{{- if ne .component "deploy" -}}
{{- $_ := set $config "store" "/var/lib/panlock/store" -}}
{{- $_ := set $config "web" (dict "host" "0.0.0.0" "port" 6066) -}}
{{- end -}}
{{- if and $values.genesis (ne .component "deploy") -}}
{{- $_ := set $config "genesis" $values.genesis -}}
{{- end -}}
{{- with .values.auditKeySecret -}}
{{- $_ := set $config "audit_key" (dict "wrapped" "/etc/panlock/audit/audit.json") -}}
{{- end -}}
{{- if and $values.keyServices (include "panlock.opensKeys" .) -}}
{{- $_ := set $config "key_services" $values.keyServices -}}
{{- end -}}
{{- if eq .component "worker" -}}
{{- $tokens := dict -}}
{{- range $id, $entry := $values.keys.tokens }}{{ $_ := set $tokens $id (dict "wrapped" (printf "/etc/panlock/keys/%s" $entry)) }}{{ end -}}
{{- $seals := dict -}}
{{- range $id, $entry := $values.keys.seals }}{{ $_ := set $seals $id (dict "wrapped" (printf "/etc/panlock/keys/%s" $entry)) }}{{ end -}}
{{- if not (hasKey $tokens $values.keys.token) -}}
{{- fail (printf "keys.token: %s is not among keys.tokens" $values.keys.token) -}}
{{- end -}}
{{- $_ := set $config "token_keys" $tokens -}}
{{- $_ := set $config "token_key" $values.keys.token -}}
{{- with $seals }}{{ $_ := set $config "seal_keys" . }}{{ end -}}
{{- with $values.recordingKeys }}{{ $_ := set $config "recording_keys" . }}{{ end -}}
{{- end -}}
{{- range $key, $value := .values.config -}}
{{- if hasKey $config $key -}}
{{- fail (printf "%s.config: %s is the chart's own to set" $.component $key) -}}
{{- end -}}
{{- $_ := set $config $key $value -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- /* Who has keys to have unwrapped; empty: nobody. */ -}}
{{- define "panlock.opensKeys" -}}
{{- if or (eq .component "worker") .values.auditKeySecret -}}yes{{- end -}}
{{- end -}}

{{- define "panlock.pod" -}}
serviceAccountName: {{ include "panlock.name" . }}
automountServiceAccountToken: {{ and (include "panlock.opensKeys" .) (hasKey .root.Values.keyServices "vault") | not | not }}
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "panlock.container" -}}
name: panlock
image: {{ include "panlock.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: {{ toJson .args }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end -}}

{{- /* /healthz says that the process serves, /readyz that it does its work: a lane that is closed, a log that is refused. */ -}}
{{- define "panlock.probes" -}}
ports:
- {name: web, containerPort: 6066}
startupProbe:
  httpGet: {path: /healthz, port: web}
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: web}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: web}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{- define "panlock.mounts" -}}
- {name: policy, mountPath: /etc/panlock/policy, readOnly: true}
- {name: config, mountPath: /etc/panlock/config, readOnly: true}
- {name: kafka-ca, mountPath: /etc/panlock/kafka-ca, readOnly: true}
- {name: tls, mountPath: /etc/panlock/tls, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if .root.Values.authorities.configMap }}
- {name: authorities, mountPath: /etc/panlock/authorities, readOnly: true}
{{- end }}
{{- end -}}

{{- define "panlock.volumes" -}}
- name: policy
  configMap: {name: {{ .root.Release.Name }}-policy}
- name: config
  configMap: {name: {{ include "panlock.name" . }}}
- name: kafka-ca
  secret:
    secretName: {{ .root.Values.kafka.ca.secret }}
    items: [{key: {{ .root.Values.kafka.ca.key | quote }}, path: ca.crt}]
- name: tls
  secret: {secretName: {{ include "panlock.name" . }}-tls, defaultMode: 0440}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- with .root.Values.authorities.configMap }}
- name: authorities
  configMap: {name: {{ . }}}
{{- end }}
{{- end -}}

{{- /* The components that are there, by name: their values. */ -}}
{{- define "panlock.components" -}}
{{- $all := dict "worker" .Values.worker -}}
{{- if .Values.sealer.enabled }}{{ $_ := set $all "sealer" .Values.sealer }}{{ end -}}
{{- if .Values.exporter.enabled }}{{ $_ := set $all "exporter" .Values.exporter }}{{ end -}}
{{- if .Values.brokerAudit.enabled }}{{ $_ := set $all "broker-audit" .Values.brokerAudit }}{{ end -}}
{{- if .Values.provision.enabled }}{{ $_ := set $all "deploy" .Values.provision }}{{ end -}}
{{- toJson $all -}}
{{- end -}}
