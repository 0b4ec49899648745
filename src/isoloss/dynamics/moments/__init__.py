"""Follow the mean and the covariance of the parameters under weight decay and minibatches."""
