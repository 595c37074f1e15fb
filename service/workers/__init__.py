"""Worker processes: started before they are needed, bounded by the operating system, replaced."""
