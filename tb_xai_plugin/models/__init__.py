"""Models: a Keras model or a callable becomes one fast function of masked inputs. Frameworks are named here, and by the callback that Keras calls."""
