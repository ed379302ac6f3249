"""The published reference: a matching market in equilibrium, where utility can be passed on between the two sides.

Tomita, Togashi, Hashizume and Ohsaka, "Fast and Examination-agnostic Reciprocal Recommendation in Matching Markets"
(RecSys 2023) order each list by how much of a pair is matched in the equilibrium of Choo and Siow, "Who Marries Whom
and Why" (Journal of Political Economy, 2006).
"""

import numpy as np

from matcher.flow import Integers, Worths

BETA = 1.0  # the scale of what is unseen in tastes, as in the authors' own code
CLOSE = 1e-9
ROUNDS = 2_000  # after which a scale far below 1 may not have settled everywhere


def equilibrium(left: Integers, right: Integers, utility: Worths, beta: float = BETA) -> Worths:
    """How much of each pair (left[c], right[c]) is matched where each agent is one unit and every other pair ruled out.

    `utility` is the sum of both sides'. With a and b the square roots of what stays alone, exp(utility / 2 beta) a b is
    matched. What an agent has in all its pairs and alone adds up to 1, which is a quadratic equation for its a when
    every b is known: iterative proportional fitting solves it for one side and the other in turn, until nothing moves
    by more than `CLOSE`, or `ROUNDS` times.
    """
    lefts, rights = int(left.max(initial=-1)) + 1, int(right.max(initial=-1)) + 1
    pull = np.exp(utility / (2 * beta))
    a, b = np.ones(lefts), np.ones(rights)
    for _ in range(ROUNDS):
        before = a
        a = _alone(left, pull * b[right], lefts)
        b = _alone(right, pull * a[left], rights)
        if np.abs(a - before).max(initial=0) < CLOSE:
            break
    return np.asarray(pull * a[left] * b[right])


def _alone(agent: Integers, pulls: Worths, agents: int) -> Worths:
    """For each agent the positive root of a² + pull a = 1, where pull is the sum of its own; nothing is subtracted."""
    pull = np.bincount(agent, pulls, agents)
    return np.asarray(2 / (pull + np.sqrt(pull * pull + 4)))
