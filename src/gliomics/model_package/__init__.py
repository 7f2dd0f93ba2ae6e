"""The registered model, made from code: files, signature, scoring; which is in use, `registry` decides."""
