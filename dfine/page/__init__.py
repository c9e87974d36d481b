"""The page in pieces: what a session keeps, what every tab shows, and where it all stands."""
