"""How long to train, and how fast, by the size of the data."""

from typing import NamedTuple


def auto_batch_size(n_samples):
    """Size of mini-batches: 16 or more updates in an epoch, but 16 to 200 samples.

    With mini-batches of 200, an epoch of few samples would be one update.
    """
    return min(n_samples, max(16, min(200, n_samples // 16)))


class Fall(NamedTuple):
    """A learning rate that falls linearly to 0, from `rate` at one epoch to another."""

    rate: float
    begin: int
    end: int

    def rate_at(self, epoch):
        """The learning rate of an epoch."""
        return self.rate * (self.end - epoch) / (self.end - self.begin)

    def end_earlier(self, epoch, n_epochs):
        """Fall to 0 within so many epochs from now on, if that is earlier."""
        if epoch + n_epochs >= self.end:
            return self
        return Fall(self.rate_at(epoch), epoch, epoch + n_epochs)
