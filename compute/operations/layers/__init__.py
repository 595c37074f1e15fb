"""Single layers: linear, embedding, activations, softmax, dropout."""
