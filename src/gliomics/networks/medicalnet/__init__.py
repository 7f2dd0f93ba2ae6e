"""MedicalNet: the frozen network and its weights; it is never trained here."""
