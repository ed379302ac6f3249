"""The world around the matcher: database, mail, web pages, command line, clock."""
