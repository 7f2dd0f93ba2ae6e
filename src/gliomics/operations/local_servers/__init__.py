"""The servers of a production environment on one machine, on loopback; none of another machine."""
