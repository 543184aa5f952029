;; `composed`: a component of two, each with a memory of its own. The outer one passes the text that it is given to the inner
;; one, and returns what comes back: what it exports, `shout`, is the text in capital letters (ASCII) and an exclamation mark.
(component
  ;; A heap that only grows, in a memory of its own.
  (core module $heap
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $room i32)
      (local $missing i32)
      ;; room = next, rounded up to align
      (local.set $room
        (i32.and
          (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $room) (local.get $size)))
      (local.set $missing
        (i32.sub
          (i32.shr_u (i32.add (global.get $next) (i32.const 65535)) (i32.const 16))
          (memory.size)))
      (if (i32.gt_s (local.get $missing) (i32.const 0))
        (then
          (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1))
            (then (unreachable)))))
      (memory.copy (local.get $room) (local.get $old) (local.get $old_size))
      (local.get $room)))

  ;; Exports `capitals`.
  (component $inner
    (alias outer 1 $heap (core module $heap))
    (core module $code
      (import "heap" "memory" (memory 1))
      (import "heap" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
      (func (export "capitals") (param $text i32) (param $size i32) (result i32)
        (local $at i32)
        (local $end i32)
        (local $letter i32)
        (local $returned i32)
        (local.set $at (local.get $text))
        (local.set $end (i32.add (local.get $text) (local.get $size)))
        (block $done
          (loop $next
            (br_if $done (i32.eq (local.get $at) (local.get $end)))
            (local.set $letter (i32.load8_u (local.get $at)))
            ;; a to z
            (if (i32.lt_u (i32.sub (local.get $letter) (i32.const 97)) (i32.const 26))
              (then (i32.store8 (local.get $at) (i32.sub (local.get $letter) (i32.const 32)))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $next)))
        (local.set $returned (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 8)))
        (i32.store (local.get $returned) (local.get $text))
        (i32.store offset=4 (local.get $returned) (local.get $size))
        (local.get $returned)))
    (core instance $heap (instantiate $heap))
    (core instance $code (instantiate $code (with "heap" (instance $heap))))
    (func (export "capitals") (param "text" string) (result string)
      (canon lift (core func $code "capitals") (memory (core memory $heap "memory")) (realloc (core func $heap "realloc")))))

  ;; Imports `capitals`, exports `shout`.
  (component $outer
    (import "capitals" (func $capitals (param "text" string) (result string)))
    (alias outer 1 $heap (core module $heap))
    (core module $code
      (import "heap" "memory" (memory 1))
      (import "heap" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
      (import "inner" "capitals" (func $capitals (param i32 i32 i32)))
      (func (export "shout") (param $text i32) (param $size i32) (result i32)
        (local $returned i32)
        (local $capitals_size i32)
        (local.set $returned (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 8)))
        (call $capitals (local.get $text) (local.get $size) (local.get $returned))
        ;; returned = the same text, one byte longer
        (local.set $capitals_size (i32.load offset=4 (local.get $returned)))
        (i32.store
          (local.get $returned)
          (call $realloc
            (i32.load (local.get $returned))
            (local.get $capitals_size)
            (i32.const 1)
            (i32.add (local.get $capitals_size) (i32.const 1))))
        (i32.store8
          (i32.add (i32.load (local.get $returned)) (local.get $capitals_size))
          (i32.const 33))
        (i32.store offset=4 (local.get $returned) (i32.add (local.get $capitals_size) (i32.const 1)))
        (local.get $returned)))
    (core instance $heap (instantiate $heap))
    (core func $capitals_lowered
      (canon lower (func $capitals) (memory (core memory $heap "memory")) (realloc (core func $heap "realloc"))))
    (core instance $code
      (instantiate $code
        (with "heap" (instance $heap))
        (with "inner" (instance (export "capitals" (func $capitals_lowered))))))
    (func (export "shout") (param "text" string) (result string)
      (canon lift (core func $code "shout") (memory (core memory $heap "memory")) (realloc (core func $heap "realloc")))))

  (instance $inner (instantiate $inner))
  (instance $outer (instantiate $outer (with "capitals" (func $inner "capitals"))))
  (export "shout" (func $outer "shout")))
