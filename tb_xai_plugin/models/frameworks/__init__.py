"""The frameworks that Keras runs on: how each compiles a forward pass, and takes its gradients. And plain modules of PyTorch."""
