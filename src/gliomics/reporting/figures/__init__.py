"""Figures of the report: one look, one colour an arm, equal bytes for equal results; nothing is computed."""
