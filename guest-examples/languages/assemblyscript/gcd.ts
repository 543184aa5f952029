// gcd(a: i64, b: i64) -> i64: the greatest common divisor, by Euclid.
export function gcd(a: i64, b: i64): i64 {
  while (b != 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a < 0 ? -a : a;
}
