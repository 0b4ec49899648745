"""Follow the mean and the covariance of the residual, where a schedule is more than a filter.

With weight decay, dampening or a changing momentum, a step also moves the residual by an amount
that does not depend on it; with minibatches, the residual is random. So these solvers carry the
mean residual itself, and its covariance, which obey linear recursions. They compute one problem at
a time, with NumPy.
"""
