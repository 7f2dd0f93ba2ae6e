"""What a served model needs: its files and the MLflow model made from code."""
