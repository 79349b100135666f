"""Where schemas come from: a directory or a registry. Implements pipeline.masking.formats.schemas.Schemas."""
