"""Many photos, and the shots of a film, painted by many processes and machines."""
