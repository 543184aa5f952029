;; `upper`: a plugin of the world `wpool:plugin/plugin`, by hand: ASCII letters in capitals, and `the input is empty` for no input.
;;
;; The canonical ABI in one small example. A list travels as its address and its length, in memory that the caller gets from
;; `realloc`; a result that does not fit in a register travels as the address of `{ case u8, padding, address u32, length u32 }`.
(component
  (core module $upper
    (memory (export "memory") 1)
    (data (i32.const 16) "the input is empty")

    ;; Memory that is free begins here. Each task has an instance of its own, so nothing is ever given back.
    (global $free (mut i32) (i32.const 64))

    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $address i32)
      ;; Rounded up to the alignment, a power of two.
      (local.set $address
        (i32.and
          (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $free (i32.add (local.get $address) (local.get $size)))
      ;; Pages that are missing.
      (if (i32.gt_u (global.get $free) (i32.shl (memory.size) (i32.const 16)))
        (then
          (if (i32.eq (i32.const -1)
                (memory.grow
                  (i32.sub
                    (i32.shr_u (i32.add (global.get $free) (i32.const 65535)) (i32.const 16))
                    (memory.size))))
            (then unreachable))))
      (memory.copy (local.get $address) (local.get $old) (local.get $old-size))
      (local.get $address))

    (func (export "run") (param $address i32) (param $length i32) (result i32)
      (local $at i32) (local $end i32) (local $byte i32)
      (if (i32.eqz (local.get $length))
        (then
          (i32.store8 (i32.const 0) (i32.const 1))
          (i32.store (i32.const 4) (i32.const 16))
          (i32.store (i32.const 8) (i32.const 18))
          (return (i32.const 0))))
      (local.set $at (local.get $address))
      (local.set $end (i32.add (local.get $address) (local.get $length)))
      (loop $next
        (local.set $byte (i32.load8_u (local.get $at)))
        (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 97)) (i32.const 26))
          (then (i32.store8 (local.get $at) (i32.sub (local.get $byte) (i32.const 32)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
      (i32.store8 (i32.const 0) (i32.const 0))
      (i32.store (i32.const 4) (local.get $address))
      (i32.store (i32.const 8) (local.get $length))
      (i32.const 0)))
  (core instance $instance (instantiate $upper))
  (func (export "run") (param "input" (list u8)) (result (result (list u8) (error string)))
    (canon lift
      (core func $instance "run")
      (memory $instance "memory")
      (realloc (func $instance "realloc")))))
