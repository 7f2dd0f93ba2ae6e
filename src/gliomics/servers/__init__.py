"""The servers of a production environment on one machine, on loopback: PostgreSQL, MLflow, SFTP, Dask."""
