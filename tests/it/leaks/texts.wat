;; The same for what a component is given and gives back: texts that lie in memory where `realloc` said.
(component
    (core module $m
        (memory (export "memory") 1) (global $next (mut i32) (i32.const 64))
        ;; The next free room; `unreachable` when the memory does not grow any more.
        (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
            (global.set $next (i32.add (local.get $at) (local.get $new)))
            (loop $more
                (if (i32.gt_u (global.get $next) (i32.shl (memory.size) (i32.const 16))) (then
                    (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                    (br $more))))
            (memory.copy (local.get $at) (local.get $old) (local.get $size))
            (local.get $at))
        ;; Gives back what it was given.
        (func (export "plant") (param $at i32) (param $length i32) (result i32)
            (i32.store (i32.const 0) (local.get $at))
            (i32.store (i32.const 4) (local.get $length))
            (i32.const 0))
        ;; How many words of the whole memory, as large as it gets, hold anything but what it was given.
        (func (export "hunt") (param $at i32) (param $length i32) (result i64) (local $found i64)
            (memory.fill (local.get $at) (i32.const 0) (local.get $length))
            (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
            (local.set $at (i32.const 0))
            (loop $words
                (if (i32.lt_u (local.get $at) (i32.shl (memory.size) (i32.const 16))) (then
                    (local.set $found (i64.add (local.get $found)
                        (i64.extend_i32_u (i64.ne (i64.load (local.get $at)) (i64.const 0)))))
                    (local.set $at (i32.add (local.get $at) (i32.const 8)))
                    (br $words))))
            (local.get $found)))
    (core instance $i (instantiate $m))
    (func (export "plant") (param "text" string) (result string)
        (canon lift (core func $i "plant") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "plant-bytes") (param "bytes" (list u8)) (result (list u8))
        (canon lift (core func $i "plant") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "plant-list") (param "list" (list u64)) (result (list u64))
        (canon lift (core func $i "plant") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "hunt") (param "text" string) (result u64)
        (canon lift (core func $i "hunt") (memory $i "memory") (realloc (func $i "realloc")))))
