"""Models: a Keras model or a callable becomes one fast function of masked inputs. Only this room names a framework."""
