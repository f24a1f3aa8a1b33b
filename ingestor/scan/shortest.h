/* The shortest decimal that reads back as a double, when it has more than 15 digits.
 *
 * v = m x 2^-s exactly. With p decimal places, v x 10^p x 2^s = m x 10^p is a whole number, which 128 bits
 * hold for p up to 22: so the decimal of n digits nearest to v, and whether it reads back as v, follow
 * from integers alone. A decimal reads back when it is within half the distance to the next double,
 * 10^p / 2 in the same unit; below a power of two that distance is half as long; exactly on the middle
 * the double whose last bit is zero wins. That is what repr() prints and strtod() reads.
 */
#ifndef INGESTOR_SHORTEST_H
#define INGESTOR_SHORTEST_H

#include <stdint.h>
#include <string.h>

__extension__ typedef unsigned __int128 ingestor_wide;

#define INGESTOR_SHORTEST_MIN 1e-6   /* 17 digits of it have 22 places */
#define INGESTOR_SHORTEST_MAX 1e15   /* above, a double has no place for so many digits after the point */

/* The 16 or 17 digits of a double in [INGESTOR_SHORTEST_MIN, INGESTOR_SHORTEST_MAX), and their places. */
static uint64_t ingestor_shortest_digits(double value, int *places)
{
    static const double POWERS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
                                    1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    uint64_t bits, mantissa;
    memcpy(&bits, &value, sizeof bits);
    mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    int shift = 1075 - (int)(bits >> 52);
    for (double least = 1e15;; least *= 10) {       /* 16 digits, then 17 */
        int p = 0;
        while (p < 22 && value * POWERS[p] < least)
            p++;
        ingestor_wide power = 1, one = (ingestor_wide)1 << shift;
        for (int i = 0; i < p; i++)
            power *= 10;
        ingestor_wide exact = power * mantissa;
        uint64_t below = (uint64_t)(exact >> shift);
        ingestor_wide rest = exact & (one - 1), more = one - rest;
        ingestor_wide reach_up = power / 2, reach_down = mantissa == UINT64_C(1) << 52 ? power / 4 : power / 2;
        int even = !(mantissa & 1);     /* power is even, so the middle is a whole number unless p is 0 */
        int down = rest < reach_down || (rest == reach_down && even);
        int up = more < reach_up || (more == reach_up && even);
        *places = p;
        if (down && (!up || rest < more || (rest == more && !(below & 1))))
            return below;
        if (up)
            return below + 1;
    }
}

#endif
