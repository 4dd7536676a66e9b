# Completion of trapline for bash. Commands and options are asked of trapline itself, so they are never out of date.

# Prints the units of this machine. Asking every build takes long the first time; trapline keeps what they said.
_trapline_units() {
    "$1" list units 2>/dev/null | sed -n 's/^\([^ ]*:[^ ]*\)  *usable.*/\1/p'
}

# Prints the axes of a case file as name=, or, given an axis, its listed values as name=value. Reads the file as text, in
# the order in which people write it: the name, then the values.
_trapline_axes() {
    tr '\n\t' '  ' <"$1" | grep -oE '\{ *"name" *: *"[^"]+" *, *"(range|ordered|choices)" *: *\[[^]]*\]' |
        while IFS= read -r axis; do
            local name values
            name=$(sed -E 's/^\{ *"name" *: *"([^"]+)".*/\1/' <<<"$axis")
            if [[ -z $2 ]]; then
                echo "$name="
            elif [[ $name == "$2" && $axis != *'"range"'* ]]; then
                values=${axis##*[}
                tr ',' '\n' <<<"${values%]}" | sed -E 's/^ *"?([^"]*[^" ])"? *$/'"$name"'=\1/'
            fi
        done
}

# Prints the words with which the arguments of a command can begin, as its usage line has them.
_trapline_words() {
    "$1" "$2" --help 2>/dev/null | sed -n 's/^usage: trapline [a-z]* //p' |
        awk -F ' [|] ' '{ for (i = 1; i <= NF; i++) if ($i ~ /^[a-z]/) { sub(/ .*/, "", $i); print $i } }'
}

# Prints the ids of what is known.
_trapline_known() {
    "$1" known list 2>/dev/null | sed -nE 's/^([0-9a-f]{8,}) .*/\1/p'
}

# Whether the words behind `--` are a command of its own.
_trapline_takes_command() {
    "$1" "$2" --help 2>/dev/null | grep -q '^usage: .*-- ARGV'
}

# Prints what an option of a command takes, as --help has it: UNIT, DIR, md|html|json. Nothing for one that takes no value.
_trapline_value() {
    "$1" "$2" --help 2>/dev/null | sed -nE 's/^ +(-., )?(--[a-z-]+) ([^ ]+) .*/\1\2 \3/p' |
        awk -v option="$3" '$1 == option || $1 == option "," || (NF == 3 && $2 == option) { print $NF }'
}

_trapline() {
    local program=$1 line=${COMP_LINE:0:COMP_POINT} words current previous command= case_file= word value candidates i
    # Bash splits words at '=' and ':', which units and axes hold; blanks are what counts here.
    read -ra words <<<"$line"
    current=
    [[ $line == *[[:space:]] ]] || { current=${words[-1]}; unset 'words[-1]'; }
    (( ${#words[@]} )) || return
    previous=${words[-1]}
    for (( i = 1; i < ${#words[@]}; i++ )); do
        word=${words[i]}
        if [[ -n $command && $word == -- ]] && _trapline_takes_command "$program" "$command"; then
            # The command that judges, or of which a case is made: its program, then words of its own.
            if [[ $command == reduce && $current == '{'* ]]; then
                COMPREPLY=($(compgen -W '{model} {inputs}' -- "$current"))
            else
                COMPREPLY=($( (( i + 1 == ${#words[@]} )) && compgen -c -- "$current"; compgen -f -- "$current"))
                compopt -o filenames 2>/dev/null
            fi
            return
        elif [[ -z $command && $word == -* ]]; then
            # One that every command has; what it takes is no command.
            [[ -n $(_trapline_value "$program" list "$word") ]] && (( i += 1 ))
        elif [[ -z $command ]]; then
            command=$word
        elif [[ $word == *.json && -f $word ]]; then
            case_file=$word
        fi
    done
    if [[ -z $command ]]; then
        candidates=$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z]*\)  *.*/\1/p')
        candidates+=$'\n--help\n--version'
        if [[ $previous == -* && -n $(_trapline_value "$program" list "$previous") ]]; then
            COMPREPLY=($(compgen -f -- "$current"))
            compopt -o filenames 2>/dev/null
            return
        fi
    else
        value=
        [[ $previous == -* ]] && value=$(_trapline_value "$program" "$command" "$previous")
        case $previous:$value in
        *:UNIT) candidates=$(_trapline_units "$program") ;;
        *:AXIS=*)
            word=
            [[ $current == *=* ]] && word=${current%%=*}
            candidates=$([[ -n $case_file ]] && _trapline_axes "$case_file" "$word")
            ;;
        --outcome:*) candidates='pass crash hang oom error wrong fallback unsupported lost' ;;
        *:*FILE.npy*)
            # Behind NAME= there is a path.
            COMPREPLY=($(compgen -f -X '!*.npy' -- "${current#*=}") $(compgen -d -- "${current#*=}"))
            compopt -o filenames 2>/dev/null
            return
            ;;
        *:PATH | *:FILE) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames 2>/dev/null; return ;;
        *:DIR) COMPREPLY=($(compgen -d -- "$current")); compopt -o filenames 2>/dev/null; return ;;
        *:[[:lower:]]*) candidates=${value//|/ } ;;
        *:?*) return ;;
        *)
            if [[ $current == -* ]]; then
                candidates=$("$program" "$command" --help 2>/dev/null |
                    sed -nE 's/^ +(-(.), )?(--[a-z-]+).*/\3/p')
            else
                case $command:$previous in
                known:known) candidates=$(_trapline_words "$program" "$command"; printf 'last\n'; _trapline_known "$program") ;;
                known:*) candidates=$(_trapline_known "$program") ;;
                list:list | builds:builds | devices:devices | db:db) candidates=$(_trapline_words "$program" "$command") ;;
                help:help) candidates=$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z]*\)  *.*/\1/p') ;;
                builds:remove) candidates=$("$program" builds list 2>/dev/null | sed -nE 's/^([^ @]+@[^ ]+).*/\1/p') ;;
                builds:fetch) candidates='onnxruntime@latest onnxruntime@' ;;
                show:*) candidates=last$'\n'$("$program" list trials --limit 20 2>/dev/null | cut -d ' ' -f 1) ;;
                report:*) candidates=last$'\n'$("$program" list findings --limit 20 2>/dev/null | cut -d ' ' -f 1) ;;
                db:merge | init:*) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames 2>/dev/null; return ;;
                db:* | devices:*) return ;;
                reduce:*)
                    COMPREPLY=($(compgen -f -X '!*.onnx' -- "$current") $(compgen -f -X '!*.json' -- "$current") $(compgen -d -- "$current"))
                    compopt -o filenames 2>/dev/null
                    return
                    ;;
                *)
                    # Case files and the directories that may hold some.
                    COMPREPLY=($(compgen -f -X '!*.json' -- "$current") $(compgen -d -- "$current"))
                    compopt -o filenames 2>/dev/null
                    return
                    ;;
                esac
            fi
            ;;
        esac
    fi
    local IFS=$'\n'
    COMPREPLY=($(compgen -W "$(tr ' ' '\n' <<<"$candidates")" -- "$current"))
    # What bash replaces begins after the last '=' or ':' of the word.
    local breaks=${COMP_WORDBREAKS//[!=:]/} cut=
    [[ -n $breaks && $current == *["$breaks"]* ]] && cut=${current%"${current##*["$breaks"]}"}
    COMPREPLY=("${COMPREPLY[@]#"$cut"}")
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=@] ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -F _trapline trapline
