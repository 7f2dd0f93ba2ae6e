"""Where a network looks (Grad-CAM), and what that is worth; only networks of the fold are asked."""
