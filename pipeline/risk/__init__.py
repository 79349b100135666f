"""Hold rules (CEL). They are evaluated in the kernel, in the call that masks: see pipeline.masking.face."""
