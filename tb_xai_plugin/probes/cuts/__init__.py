"""How inputs are cut into players and laid out: superpixels, montages, joined series, padding, tokens; and what stands where a player is absent."""
