"""What surrounds every page: the server's start, navigation, the frame of a page."""
