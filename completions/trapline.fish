# Completion of trapline for fish. Commands and options are asked of trapline itself, so they are never out of date.

# The axes of a case file as name=, or, given an axis, its listed values as name=value. Reads the file as text, in the
# order in which people write it: the name, then the values.
function __trapline_axes
    for axis in (tr '\n\t' '  ' <$argv[1] | grep -oE '\{ *"name" *: *"[^"]+" *, *"(range|ordered|choices)" *: *\[[^]]*\]')
        set -l name (string replace -r '^\{ *"name" *: *"([^"]+)".*' '$1' -- $axis)
        if test -z "$argv[2]"
            echo $name=
        else if test $name = $argv[2]; and not string match -q '*"range"*' -- $axis
            for value in (string split , -- (string replace -r '^.*\[(.*)\]$' '$1' -- $axis))
                echo $name=(string trim -c ' "' -- $value)
            end
        end
    end
end

# The ids of what is known.
function __trapline_known
    $argv[1] known list 2>/dev/null | string replace -rf '^([0-9a-f]{8,}) .*' '$1'
end

# Whether the words behind `--` are a command of its own.
function __trapline_takes_command
    $argv[1] $argv[2] --help 2>/dev/null | string match -qr '^usage: .*-- ARGV'
end

# What an option of a command takes, as --help has it: UNIT, DIR, md|html|json. Nothing for one that takes no value.
function __trapline_value
    set -l name (string escape --style=regex -- $argv[3])
    $argv[1] $argv[2] --help 2>/dev/null | string replace -rf "^ +(?:(?:-., )?$name|$name, --[a-z-]+) (\S+) .*" '$1'
end

# The words with which the arguments of a command can begin, as its usage line has them.
function __trapline_words
    set -l usage (string replace -rf '^usage: trapline [a-z]* ' '' -- ($argv[1] $argv[2] --help 2>/dev/null))
    string match -r '^[a-z]+' -- (string split ' | ' -- $usage)
end

# Files whose names end so, and directories, which may hold some. What stands before a '=' of the word stays before each.
function __trapline_files
    set -l current (commandline -ct)
    set -l before (string match -r '^[^/]*=' -- $current; or echo)
    set -l start (string sub -s (math 1 + (string length -- $before)) -- $current)
    if string match -q '~*' -- $start
        __fish_complete_path $start # fish knows whose home that is
        return
    end
    for path in $start*
        if test -d $path
            echo $before$path/
        else if string match -q '*'$argv[1] -- $path; or string match -q '*'$argv[-1] -- $path
            echo $before$path
        end
    end
end

function __trapline_offer
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -l command
    set -l case_file
    set -l skip
    for i in (seq 2 (count $words))
        set -l word $words[$i]
        # What an option takes that every command has is no command.
        if test -n "$skip"
            set skip
            continue
        end
        if test -z "$command"; and string match -q -- '-*' $word
            set skip (__trapline_value $program list $word)
        else if test -n "$command"; and test "$word" = --; and __trapline_takes_command $program $command
            # The command that judges, or of which a case is made: its program, then words of its own.
            if test $command = reduce
                printf '%s\n' '{model}' '{inputs}'
            end
            if test "$i" = (count $words)
                __fish_complete_command
            end
            __fish_complete_path $current
            return
        else if test -z "$command"
            set command $word
        else if string match -q '*.json' -- $word; and test -f $word
            set case_file $word
        end
    end
    if test -n "$skip"
        __fish_complete_path $current
        return
    end
    if test -z "$command"
        $program --help 2>/dev/null | string replace -rf '^  ([a-z]+) +(.*)' '$1\t$2'
        printf '%s\t%s\n' --help 'list the commands' --version 'say which version this is'
        return
    end
    set -l previous $words[-1]
    set -l value
    if string match -q -- '-*' $previous
        set value (__trapline_value $program $command $previous)
    end
    switch "$previous:$value"
        case '*:UNIT'
            $program list units 2>/dev/null | string replace -rf '^(\S*:\S*) +usable.*' '$1'
        case '*:AXIS=*'
            if test -n "$case_file"
                __trapline_axes $case_file (string match -r '^(.*?)=' -- $current)[2]
            end
        case '--outcome:*'
            printf '%s\n' pass crash hang oom error wrong fallback unsupported lost
        case '*:*FILE.npy*'
            __trapline_files .npy
        case '*:PATH' '*:FILE'
            __fish_complete_path $current
        case '*:DIR'
            __fish_complete_directories $current
        case '*:?*'
            # One of several words, or something that nobody but the user knows.
            if string match -qr '^[a-z]' -- $value
                string split '|' -- $value
            end
        case '*'
            if string match -q -- '-*' $current
                $program $command --help 2>/dev/null |
                    string replace -rf '^ +(?:-., )?(--[a-z-]+)(?: \S+)? +(.*)' '$1\t$2'
                return
            end
            switch "$command:$previous"
                case list:list builds:builds devices:devices db:db
                    __trapline_words $program $command
                case known:known
                    __trapline_words $program $command
                    echo last
                    __trapline_known $program
                case 'known:*'
                    __trapline_known $program
                case help:help
                    $program --help 2>/dev/null | string replace -rf '^  ([a-z]+) +(.*)' '$1\t$2'
                case 'help:*' 'version:*'
                case builds:fetch
                    printf '%s\n' onnxruntime@latest onnxruntime@
                case builds:remove
                    $program builds list 2>/dev/null | string replace -rf '^([^ @]+@\S+).*' '$1'
                case show:'*'
                    echo last
                    $program list trials --limit 20 2>/dev/null | string replace -r ' .*' ''
                case report:'*'
                    echo last
                    $program list findings --limit 20 2>/dev/null | string replace -r ' .*' ''
                case db:merge 'builds:*' 'init:*'
                    __fish_complete_path $current
                case 'db:*' 'devices:*'
                case 'reduce:*'
                    __trapline_files .onnx .json
                case '*'
                    __trapline_files .json
            end
    end
end

complete -c trapline -f -a '(__trapline_offer)'
