"""One file a network: `CARD`s of literals, and for each a builder of the card's name.

A builder is `name(classes=19, ...) -> nn.Module`, or `name(classes=19, size=Size(...)) -> keras.Model`. A file may also
hold `RENAMED`, a map of prefixes of entry names in older checkpoints to today's, and `TRAINING_ONLY`, prefixes of the
entries of auxiliary heads, which a checkpoint may hold for a network that was built without them.
"""
