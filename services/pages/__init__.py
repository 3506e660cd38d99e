"""What the pages of all services share: the frame around each, its words and style sheet, and who may see what."""
