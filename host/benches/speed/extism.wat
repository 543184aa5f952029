;; A square as Extism has its functions: input and output are bytes in memory that the host keeps.
(module
    (import "extism:host/env" "input_load_u64" (func $input (param i64) (result i64)))
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (func (export "square") (result i32) (local $number i64) (local $at i64)
        (local.set $number (call $input (i64.const 0)))
        (local.set $at (call $alloc (i64.const 8)))
        (call $store (local.get $at) (i64.mul (local.get $number) (local.get $number)))
        (call $output (local.get $at) (i64.const 8))
        (i32.const 0)))
