"""What people read of a run: page, sections, figures, methods, checklists; nothing shown is computed here."""
