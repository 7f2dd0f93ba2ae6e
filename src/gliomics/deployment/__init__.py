"""What an environment needs round it: variables, credentials, servers, logs. Checked before any work."""
