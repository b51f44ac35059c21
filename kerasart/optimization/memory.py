"""Whether a picture fits."""
def check_memory(*a): pass
