"""Videos: reading → watching → tracking → listing, writing and sound → filming, which draws and does it all."""
