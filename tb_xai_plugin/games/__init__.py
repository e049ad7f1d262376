"""Games: players, coalitions, and the masked inputs that stand for them."""
