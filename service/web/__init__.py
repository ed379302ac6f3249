"""Pages and API, served from the store as it is now. Nothing here changes anything."""
