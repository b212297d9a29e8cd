"""What the README states in figures, measured: each benchmark runs two sides in turn and prints their ratio."""
