// square(x: i64) -> i64: a core module of one function, without a main, a library or WASI.
long long square(long long x)
{
    return x * x;
}
