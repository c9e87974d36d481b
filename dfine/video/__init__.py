"""Videos: `reading` → `detecting` → `tracking` → `listing`, `writing` and `sound`; `filming` runs all of them."""
