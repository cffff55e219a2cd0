"""What a run tells while it works and leaves when it ends, and statistics over it."""
