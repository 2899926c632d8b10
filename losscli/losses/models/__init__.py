"""Probability models of data: likelihoods and maximum-likelihood estimates, apart from the losses."""
