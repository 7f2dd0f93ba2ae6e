"""The sections of the report, one a module: ``build(run)`` gives a section, or None without its inputs."""
