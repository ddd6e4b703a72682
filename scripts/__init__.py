"""What developers and the demo run; nothing here ships in a wheel."""
