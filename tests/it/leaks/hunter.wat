;; A task plants, that is it fills everything that a task can have with a pattern, or it hunts, that is it counts what is there
;; and should not be.
(module
    (memory $a 4) (memory $b 0)
    (data (memory $a) (i32.const 4096) "as it was") (data (memory $a) (i32.const 200000) "as it was")
    (data $passive "as it was")
    (table $t 4 funcref) (table $u 0 funcref)
    (func $f) (elem $elem func $f)
    (global $x (mut i64) (i64.const 0)) (global $y (mut f64) (f64.const 0)) (global $z (mut funcref) (ref.null func))

    ;; `what` is 0 to plant and 1 to hunt. `end` is how it ends: 0 returns, 1 traps before it wants too much memory, 2 never
    ;; returns, 3 traps for want of memory. Returns what was found: in memories, in tables, elsewhere; how many pages the
    ;; memories had in the end, and how many elements the tables; and the pattern, or as many zeros.
    (func (export "task") (param $what i32) (param $end i32) (result i64 i64 i64 i64 i64 i64)
        (if (result i64 i64 i64) (local.get $what)
            (then (call $hunt))
            (else (call $plant (local.get $end)) (i64.const 0) (i64.const 0) (i64.const 0)))
        (if (i32.eq (local.get $end) (i32.const 2)) (then (loop (br 0))))
        (if (local.get $end) (then unreachable))
        (i64.extend_i32_u (i32.add (memory.size $a) (memory.size $b)))
        (i64.extend_i32_u (i32.add (table.size $t) (table.size $u)))
        (global.get $x))

    ;; Grows all together until none grows any more: by much at first, then by less.
    (func $grow (local $step i32)
        (local.set $step (i32.const 1024))
        (loop $less
            (loop $more (br_if $more (call $grow-by (local.get $step))))
            (local.set $step (i32.shr_u (local.get $step) (i32.const 1)))
            (br_if $less (local.get $step))))
    (func $grow-by (param $step i32) (result i32)
        (i32.ne (memory.grow $a (local.get $step)) (i32.const -1))
        (i32.ne (memory.grow $b (local.get $step)) (i32.const -1))
        (i32.ne (table.grow $t (ref.null func) (local.get $step)) (i32.const -1))
        (i32.ne (table.grow $u (ref.null func) (local.get $step)) (i32.const -1))
        i32.or i32.or i32.or)

    (func $plant (param $end i32)
        (if (i32.eq (local.get $end) (i32.const 1))
            (then (drop (call $grow-by (i32.const 3))))
            (else (call $grow)))
        (call $fill-a) (call $fill-b)
        (table.fill $t (i32.const 0) (ref.func $f) (table.size $t))
        (table.fill $u (i32.const 0) (ref.func $f) (table.size $u))
        (global.set $x (i64.const PATTERN)) (global.set $y (f64.const 3.5)) (global.set $z (ref.func $f))
        (data.drop $passive) (elem.drop $elem))
    (func $fill-a (local $at i32)
        (i64.store $a (i32.const 0) (i64.const PATTERN))
        (local.set $at (i32.const 8))
        (loop $double
            (memory.copy $a $a (local.get $at) (i32.const 0) (local.get $at))
            (local.set $at (i32.shl (local.get $at) (i32.const 1)))
            (br_if $double (i32.lt_u (local.get $at) (i32.const 65536))))
        (loop $pages
            (if (i32.lt_u (local.get $at) (i32.shl (memory.size $a) (i32.const 16))) (then
                (memory.copy $a $a (local.get $at) (i32.const 0) (i32.const 65536))
                (local.set $at (i32.add (local.get $at) (i32.const 65536)))
                (br $pages)))))
    (func $fill-b (local $at i32)
        (loop $pages
            (if (i32.lt_u (local.get $at) (i32.shl (memory.size $b) (i32.const 16))) (then
                (memory.copy $b $a (local.get $at) (i32.const 0) (i32.const 65536))
                (local.set $at (i32.add (local.get $at) (i32.const 65536)))
                (br $pages)))))

    ;; What is not as it was is found elsewhere. What belongs there is taken away, and everything else is to be empty.
    (func $hunt (result i64 i64 i64) (local $elsewhere i64)
        (local.set $elsewhere (i64.extend_i32_u (i32.add
            (i32.add
                (i32.add (i64.ne (global.get $x) (i64.const 0)) (f64.ne (global.get $y) (f64.const 0)))
                (i32.eqz (ref.is_null (global.get $z))))
            (i32.add
                (i32.add
                    (i64.ne (i64.load $a (i32.const 4096)) (i64.const 0x6177207469207361))
                    (i64.ne (i64.load $a (i32.const 200000)) (i64.const 0x6177207469207361)))
                (i32.add
                    (i32.add (i32.ne (memory.size $a) (i32.const 4)) (i32.ne (memory.size $b) (i32.const 0)))
                    (i32.add (i32.ne (table.size $t) (i32.const 4)) (i32.ne (table.size $u) (i32.const 0))))))))
        (memory.init $a $passive (i32.const 4096) (i32.const 0) (i32.const 9))
        (memory.fill $a (i32.const 4096) (i32.const 0) (i32.const 9))
        (memory.fill $a (i32.const 200000) (i32.const 0) (i32.const 9))
        (call $grow)
        (i64.add (call $count-a) (call $count-b))
        (call $count-tables)
        (table.init $t $elem (i32.const 0) (i32.const 0) (i32.const 1))
        (local.get $elsewhere))
    (func $count-a (result i64) (local $at i32) (local $found i64)
        (loop $words
            (if (i32.lt_u (local.get $at) (i32.shl (memory.size $a) (i32.const 16))) (then
                (local.set $found (i64.add (local.get $found)
                    (i64.extend_i32_u (i64.ne (i64.load $a (local.get $at)) (i64.const 0)))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br $words))))
        (local.get $found))
    (func $count-b (result i64) (local $at i32) (local $found i64)
        (loop $words
            (if (i32.lt_u (local.get $at) (i32.shl (memory.size $b) (i32.const 16))) (then
                (local.set $found (i64.add (local.get $found)
                    (i64.extend_i32_u (i64.ne (i64.load $b (local.get $at)) (i64.const 0)))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br $words))))
        (local.get $found))
    (func $count-tables (result i64) (local $at i32) (local $found i64)
        (loop $elements
            (if (i32.lt_u (local.get $at) (table.size $t)) (then
                (local.set $found (i64.add (local.get $found)
                    (i64.extend_i32_u (i32.eqz (ref.is_null (table.get $t (local.get $at)))))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $elements))))
        (local.set $at (i32.const 0))
        (loop $elements
            (if (i32.lt_u (local.get $at) (table.size $u)) (then
                (local.set $found (i64.add (local.get $found)
                    (i64.extend_i32_u (i32.eqz (ref.is_null (table.get $u (local.get $at)))))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $elements))))
        (local.get $found)))
