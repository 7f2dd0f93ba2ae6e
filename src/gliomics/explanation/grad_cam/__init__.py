"""Where a network looks: Grad-CAM through the head that scored the patient, and what it is worth."""
