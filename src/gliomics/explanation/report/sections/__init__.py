"""The sections of the report, one module each: ``build(run)`` gives a section, or None without its inputs."""
