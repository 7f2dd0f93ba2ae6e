"""Versions of models: gate, promotion, rollback, ledger, evidence; `model_package` makes the models."""
