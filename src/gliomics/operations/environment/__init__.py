"""What an environment needs before any work: variables, logs, servers, sound raw data; it starts none."""
