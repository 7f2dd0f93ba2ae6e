"""What a Kedro run checks first and leaves behind: environment, tracking, record, lineage; no science."""
